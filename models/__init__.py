"""Brian2 reference models: what each local rule does, event by event, written without torch."""
