"""`siaga status`: who works in a deployment, how far it is behind, what is stuck and what to do. Changes nothing."""
