"""The parts of a payment: amounts, types, the answer of the bank, charges, and the books."""
