package com.example.parcels.adapter.in.rest;

import com.example.parcels.domain.IllegalMove;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.Response.Status;
import java.util.Map;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** What the domain refuses, as HTTP says it. */
public class Problems {
    @ServerExceptionMapper
    public Response badRequest(IllegalArgumentException problem) {
        return answer(Status.BAD_REQUEST, problem);
    }

    @ServerExceptionMapper
    public Response conflict(IllegalMove problem) {
        return answer(Status.CONFLICT, problem);
    }

    private static Response answer(Status status, Exception problem) {
        return Response.status(status)
                .type(MediaType.APPLICATION_JSON)
                .entity(Map.of("error", problem.getMessage()))
                .build();
    }
}
