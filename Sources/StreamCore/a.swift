enum StreamCorePlaceholder {}
