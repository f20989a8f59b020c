"""Who may call what: one table, deny by default.

``principals``    who asks, and the roles that they have
``methods``       the table: every method of every service, and who may call it
``tokens``        bearer tokens (JWT), checked against public keys that can be exchanged while the service runs
``certificates``  names of client certificates -> roles
``guard``         what stands before every method
``issuing``       keys and tokens for deployments that have no identity provider
"""
