"""The server: a registry for clients that speak HTTP. `endpoints` says how to add an endpoint."""
