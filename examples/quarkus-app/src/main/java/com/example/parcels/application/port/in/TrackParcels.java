package com.example.parcels.application.port.in;

import com.example.parcels.domain.Parcel;
import com.example.parcels.domain.Stage;
import com.example.parcels.domain.TrackingNumber;
import java.util.List;
import java.util.Optional;

/** What the outside may ask of this application. */
public interface TrackParcels {
    List<Parcel> all();

    Optional<Parcel> find(TrackingNumber number);

    /** Accepting a parcel again changes nothing: callers may repeat the request. */
    Parcel accept(TrackingNumber number);

    /** Empty for an unknown parcel. */
    Optional<Parcel> move(TrackingNumber number, Stage to);
}
