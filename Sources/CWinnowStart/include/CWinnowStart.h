// What `winnow` does before anything else; there is nothing to call.
