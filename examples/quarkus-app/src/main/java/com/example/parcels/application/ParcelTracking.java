package com.example.parcels.application;

import com.example.parcels.application.port.in.TrackParcels;
import com.example.parcels.application.port.out.Parcels;
import com.example.parcels.domain.Parcel;
import com.example.parcels.domain.Stage;
import com.example.parcels.domain.TrackingNumber;
import java.util.List;
import java.util.Optional;

/** The use cases. Plain Java: the adapters' Wiring makes it a bean. */
public final class ParcelTracking implements TrackParcels {
    private final Parcels parcels;

    public ParcelTracking(Parcels parcels) {
        this.parcels = parcels;
    }

    @Override
    public List<Parcel> all() {
        return parcels.all();
    }

    @Override
    public Optional<Parcel> find(TrackingNumber number) {
        return parcels.find(number);
    }

    @Override
    public Parcel accept(TrackingNumber number) {
        return parcels.addIfAbsent(Parcel.accepted(number));
    }

    @Override
    public Optional<Parcel> move(TrackingNumber number, Stage to) {
        return parcels.replace(number, parcel -> parcel.moved(to));
    }
}
