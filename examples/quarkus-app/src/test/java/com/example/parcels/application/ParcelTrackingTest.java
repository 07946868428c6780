package com.example.parcels.application;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.example.parcels.application.port.out.Parcels;
import com.example.parcels.domain.Parcel;
import com.example.parcels.domain.Stage;
import com.example.parcels.domain.TrackingNumber;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The use cases against a store of the test's own: what a port is for. */
class ParcelTrackingTest {
    private static final TrackingNumber NUMBER = new TrackingNumber("ZT12345678");

    private final ParcelTracking tracking = new ParcelTracking(new Store());

    @Test
    void acceptingAParcelAgainKeepsItsStage() {
        tracking.accept(NUMBER);
        tracking.move(NUMBER, Stage.IN_TRANSIT);

        assertEquals(Stage.IN_TRANSIT, tracking.accept(NUMBER).stage());
        assertEquals(1, tracking.all().size());
    }

    @Test
    void anUnknownParcelCannotBeMoved() {
        assertTrue(tracking.move(NUMBER, Stage.IN_TRANSIT).isEmpty());
        assertTrue(tracking.find(NUMBER).isEmpty());
    }

    private static final class Store implements Parcels {
        private final Map<String, Parcel> parcels = new TreeMap<>();

        @Override
        public List<Parcel> all() {
            return List.copyOf(parcels.values());
        }

        @Override
        public Optional<Parcel> find(TrackingNumber number) {
            return Optional.ofNullable(parcels.get(number.value()));
        }

        @Override
        public Parcel addIfAbsent(Parcel parcel) {
            return parcels.computeIfAbsent(parcel.number().value(), number -> parcel);
        }

        @Override
        public Optional<Parcel> replace(TrackingNumber number, UnaryOperator<Parcel> change) {
            return Optional.ofNullable(parcels.computeIfPresent(number.value(), (key, old) -> change.apply(old)));
        }
    }
}
