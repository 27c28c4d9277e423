"""Pure array maths under every stage: arrays in, arrays out."""
