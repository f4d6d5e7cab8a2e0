"""Where should a 100 %-green industrial cluster stand?"""
