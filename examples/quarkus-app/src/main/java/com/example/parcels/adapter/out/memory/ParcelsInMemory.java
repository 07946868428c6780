package com.example.parcels.adapter.out.memory;

import com.example.parcels.application.port.out.Parcels;
import com.example.parcels.domain.Parcel;
import com.example.parcels.domain.TrackingNumber;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.UnaryOperator;

/** Kept as long as the process lives; a database would be another adapter beside this one. */
@ApplicationScoped
public class ParcelsInMemory implements Parcels {
    private final ConcurrentMap<TrackingNumber, Parcel> byNumber = new ConcurrentHashMap<>();

    public ParcelsInMemory() {
        addIfAbsent(Parcel.accepted(new TrackingNumber("ZT12345678")));
    }

    @Override
    public List<Parcel> all() {
        return byNumber.values().stream()
                .sorted(Comparator.comparing(parcel -> parcel.number().value()))
                .toList();
    }

    @Override
    public Optional<Parcel> find(TrackingNumber number) {
        return Optional.ofNullable(byNumber.get(number));
    }

    @Override
    public Parcel addIfAbsent(Parcel parcel) {
        return byNumber.computeIfAbsent(parcel.number(), number -> parcel);
    }

    @Override
    public Optional<Parcel> replace(TrackingNumber number, UnaryOperator<Parcel> change) {
        return Optional.ofNullable(byNumber.computeIfPresent(number, (key, parcel) -> change.apply(parcel)));
    }
}
