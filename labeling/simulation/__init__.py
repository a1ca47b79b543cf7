"""Simulated annotators: a hidden true reward (truth), people who see it unclearly (annotators), their work (work).

Nothing that learns may import this: what is learnt is measured against the truth here.
"""
