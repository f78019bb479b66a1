"""An application that connects when it is imported."""

import tiger

store = tiger.connect()
