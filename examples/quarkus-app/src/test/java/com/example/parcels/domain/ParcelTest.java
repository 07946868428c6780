package com.example.parcels.domain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ParcelTest {
    private static final TrackingNumber NUMBER = new TrackingNumber("ZT12345678");

    @Test
    void aTrackingNumberWithAWrongCheckDigitIsRefused() {
        var refused = assertThrows(IllegalArgumentException.class, () -> new TrackingNumber("ZT12345671"));

        assertEquals("the check digit of tracking number ZT12345671 is wrong", refused.getMessage());
    }

    @Test
    void aTrackingNumberOfAnotherFormIsRefused() {
        for (var wrong : new String[] {null, "", "zt12345678", "ZT1234567", "ZT123456719"}) {
            assertThrows(IllegalArgumentException.class, () -> new TrackingNumber(wrong));
        }
    }

    @Test
    void aParcelGoesFromAcceptedThroughTransitToDelivered() {
        var parcel = Parcel.accepted(NUMBER).moved(Stage.IN_TRANSIT).moved(Stage.DELIVERED);

        assertEquals(new Parcel(NUMBER, Stage.DELIVERED), parcel);
    }

    @Test
    void aDeliveredParcelMovesNoMore() {
        var delivered = new Parcel(NUMBER, Stage.DELIVERED);

        var refused = assertThrows(IllegalMove.class, () -> delivered.moved(Stage.RETURNED));

        assertEquals("parcel ZT12345678 is DELIVERED and cannot become RETURNED", refused.getMessage());
    }
}
