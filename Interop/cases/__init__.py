"""Small models on which tools of this kind have gone wrong, each with the answer that is right."""
