"""The cases of every version of Nen. Each module is loaded by `registry.every_case`; its name is free."""
