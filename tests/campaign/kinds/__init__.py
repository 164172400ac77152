"""The kinds of inputs. Each makes its inputs from (seed, kind, number) alone and says what broke."""
