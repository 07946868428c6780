package com.example.parcels.domain;

import java.util.Objects;

/** A parcel on its way. It never changes: each move gives a new one. */
public record Parcel(TrackingNumber number, Stage stage) {
    public Parcel {
        Objects.requireNonNull(number, "number");
        Objects.requireNonNull(stage, "stage");
    }

    public static Parcel accepted(TrackingNumber number) {
        return new Parcel(number, Stage.ACCEPTED);
    }

    public Parcel moved(Stage to) {
        if (!stage.next().contains(to)) {
            throw new IllegalMove(number, stage, to);
        }
        return new Parcel(number, to);
    }
}
