"""A daemon that soon takes silent hosts for gone: after the seconds that its argument says."""

import sys

from tigerd.log import members
from tigerd.service import serve, wills

members.GONE_S = 1.0
wills.GONE_FOR_GOOD_S = float(sys.argv[1])
sys.exit(serve.serve(sys.argv[3:]))
