"""From facts to findings: what is wrong, the evidence, and the steps that mend it."""
