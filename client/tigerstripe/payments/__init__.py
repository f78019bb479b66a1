"""What payments are made of: amounts, types, the bank's answer, charges, and the books."""
