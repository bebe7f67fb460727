"""What each figure shows, in words."""

BAND = "Lines are means over the seeds, bands reach from the smallest to the largest."
CAPTIONS = {
    "accuracy": "Accuracy on training and test data over the epochs; of four epochs or more, the second half close up. "
    f"{BAND}",
    "accuracy_against_moved": "Test accuracy at the epoch of the best validation accuracy against the bits of weights "
    "moved into the feedback, relative to what backpropagation moves in as many updates; rules that move none stand "
    "side by side in the band above 0. "
    "Bars: 95 % bootstrap interval over the seeds.",
    "alignment": f"Cosine of the forward weights W and the feedback weights B of every layer with a pathway. {BAND}",
    "credit": "Cosine, over all parameters, of the local form's gradient, which training took, to the gradient through "
    f"time and the same feedback. {BAND}",
    "gradient_angle": "Angle, over all weights below the read-out, between the gradient through the feedback and true "
    f"backpropagation through time, on the same images; at 90° a small step no longer lowers the loss. {BAND}",
    "loss": f"Training loss over the epochs. {BAND}",
    "similarity": "How much the spike counts of each hidden layer have in common with those of bp on the same images: "
    "unbiased linear CKA after the last epoch, mean over the seeds. 1 is the same but for rotation and scale, 0 is "
    "chance. Each rule is compared with bp of its own seed, so from the same initial weights; bp with itself across "
    "seeds.",
}
