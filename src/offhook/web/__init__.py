"""The HTTP side: files for phones, the API, who may call, and the server under them."""
