"""The pages of citizens, and of those who act for them: ``/my``."""
