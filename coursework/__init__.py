"""Coursework: four assignments, their grader, and the proof that it grades.

`python -m coursework` lists the commands; `make release`, `make grade` and so on call them.
"""
