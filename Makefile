# Every target is one word and works on a fresh checkout.
