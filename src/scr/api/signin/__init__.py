"""Signing in through somebody else: NHS CIS2 for staff, NHS login for citizens and those who act for them."""
