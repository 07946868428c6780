package com.example.parcels.domain;

import java.util.regex.Pattern;

/** Two letters of the carrier and eight digits, the last of which is a check digit: the others' sum modulo ten. */
public record TrackingNumber(String value) {
    private static final Pattern FORM = Pattern.compile("[A-Z]{2}[0-9]{8}");

    public TrackingNumber {
        if (value == null || !FORM.matcher(value).matches()) {
            throw new IllegalArgumentException("a tracking number is two capital letters and eight digits");
        }
        if (checkDigit(value) != value.charAt(value.length() - 1) - '0') {
            throw new IllegalArgumentException("the check digit of tracking number " + value + " is wrong");
        }
    }

    private static int checkDigit(String value) {
        return value.substring(2, value.length() - 1).chars().map(digit -> digit - '0').sum() % 10;
    }

    @Override
    public String toString() {
        return value;
    }
}
