"""The live view: `model` (rows and their history, pure), `cells` (one row as text), `machine` (looks and acts), `app`."""
