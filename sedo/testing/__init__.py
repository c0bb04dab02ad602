"""`sedo test`: runs the cases of test files on the real engine, in virtual time."""
