"""What the person, or who acts for them, has added, as FHIR R4: made of checked values, and read back."""
