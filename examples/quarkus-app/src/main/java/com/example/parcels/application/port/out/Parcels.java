package com.example.parcels.application.port.out;

import com.example.parcels.domain.Parcel;
import com.example.parcels.domain.TrackingNumber;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Where parcels are kept. */
public interface Parcels {
    List<Parcel> all();

    Optional<Parcel> find(TrackingNumber number);

    /** Adds it unless there is one with this number; gives the one that is kept. */
    Parcel addIfAbsent(Parcel parcel);

    /** Replaces it in one step; empty if there is none. */
    Optional<Parcel> replace(TrackingNumber number, UnaryOperator<Parcel> change);
}
