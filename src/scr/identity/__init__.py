"""Who is this person?"""
