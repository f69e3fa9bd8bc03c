"""Test vectors: the operations that have some, how they are made, and who attests them."""
