"""What is made of the audit in search of misuse, and what is found."""
