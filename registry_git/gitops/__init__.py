"""What GitOps tools deploy from: the `deploy/` tree, and manifests rendered for deployments."""
