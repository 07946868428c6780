package com.example.parcels.domain;

/** A parcel cannot get from the one stage to the other. */
public final class IllegalMove extends RuntimeException {
    public IllegalMove(TrackingNumber number, Stage from, Stage to) {
        super("parcel " + number + " is " + from + " and cannot become " + to);
    }
}
