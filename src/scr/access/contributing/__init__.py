"""What people add to their own record: what is taken, what is asked again, and what they are told at once."""
