package com.example.parcels.adapter;

import com.example.parcels.application.ParcelTracking;
import com.example.parcels.application.port.in.TrackParcels;
import com.example.parcels.application.port.out.Parcels;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;

/** Gives the framework the use cases, which know nothing of it. */
@ApplicationScoped
public class Wiring {
    @Produces
    @ApplicationScoped
    public TrackParcels trackParcels(Parcels parcels) {
        return new ParcelTracking(parcels);
    }
}
