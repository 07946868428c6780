package com.example.parcels.domain;

import java.util.Set;

/** Where a parcel is on its way, and what may come next. */
public enum Stage {
    ACCEPTED,
    IN_TRANSIT,
    DELIVERED,
    RETURNED;

    Set<Stage> next() {
        return switch (this) {
            case ACCEPTED -> Set.of(IN_TRANSIT);
            case IN_TRANSIT -> Set.of(DELIVERED, RETURNED);
            case DELIVERED, RETURNED -> Set.of();
        };
    }
}
