package com.example.parcels.adapter.in.rest;

import com.example.parcels.application.port.in.TrackParcels;
import com.example.parcels.domain.Parcel;
import com.example.parcels.domain.Stage;
import com.example.parcels.domain.TrackingNumber;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;

/** Parcels over plain HTTP; who may call is the mesh's to say. */
@Path("/parcels")
@Produces(MediaType.APPLICATION_JSON)
public class ParcelResource {
    private final TrackParcels parcels;

    public ParcelResource(TrackParcels parcels) {
        this.parcels = parcels;
    }

    /** A parcel as it is told outside. */
    public record View(String number, String stage) {
        static View of(Parcel parcel) {
            return new View(parcel.number().value(), parcel.stage().name());
        }
    }

    /** Where a parcel is to be moved. */
    public record Move(Stage stage) {}

    @GET
    public List<View> all() {
        return parcels.all().stream().map(View::of).toList();
    }

    @GET
    @Path("/{number}")
    public View one(String number) {
        return parcels.find(new TrackingNumber(number)).map(View::of).orElseThrow(NotFoundException::new);
    }

    @PUT
    @Path("/{number}")
    public View accept(String number) {
        return View.of(parcels.accept(new TrackingNumber(number)));
    }

    @PUT
    @Path("/{number}/stage")
    @Consumes(MediaType.APPLICATION_JSON)
    public View move(String number, Move move) {
        if (move == null || move.stage() == null) {
            throw new IllegalArgumentException("the body names a stage, one of " + List.of(Stage.values()));
        }
        return parcels.move(new TrackingNumber(number), move.stage())
                .map(View::of)
                .orElseThrow(NotFoundException::new);
    }
}
