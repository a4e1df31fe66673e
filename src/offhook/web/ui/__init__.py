"""The pages: server-rendered, on the same actions as API and command line."""
