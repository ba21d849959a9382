"""View environments: who is in which, risks, restarts."""
