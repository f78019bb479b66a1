"""The pages that a buyer sees: checkout, 3D Secure, the billing portal, receipts."""
