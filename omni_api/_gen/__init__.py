"""Code made by proto/generate.py, and the descriptor pool it lives in."""
