"""Code forges, whose pull requests are the approval workflow: GitHub, GitLab, Gitea/Forgejo, Pagure."""
