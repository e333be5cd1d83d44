"""Spec in, certified environment out."""
