"""Pure decisions: nothing in here can observe or change the machine."""
