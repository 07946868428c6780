package main

import (
	"net/http"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
)

// resourceMetrics is the one path that others than the API server are served: whoever may `get nodes/metrics`.
const resourceMetrics = "/metrics/resource"

// admitted lets the API server in by its certificate, and to the metrics whom the API server vouches for, as a kubelet
// with webhook authentication and authorization does.
func (n *Node) admitted(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && r.TLS.PeerCertificates[0].Subject.CommonName == kubeletClient:
			handler.ServeHTTP(w, r)
		case r.URL.Path != resourceMetrics:
			http.Error(w, "only the API server is served here", http.StatusForbidden)
		default:
			if status := n.mayReadMetrics(r); status != http.StatusOK {
				http.Error(w, http.StatusText(status), status)
				return
			}
			handler.ServeHTTP(w, r)
		}
	})
}

func (n *Node) mayReadMetrics(r *http.Request) int {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return http.StatusUnauthorized
	}
	review, err := n.client.AuthenticationV1().TokenReviews().Create(r.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token},
	}, metav1.CreateOptions{})
	if err != nil {
		klog.ErrorS(err, "asking whose token it is")
		return http.StatusInternalServerError
	}
	if !review.Status.Authenticated {
		return http.StatusUnauthorized
	}
	user := review.Status.User
	access, err := n.client.AuthorizationV1().SubjectAccessReviews().Create(r.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user.Username, Groups: user.Groups, UID: user.UID,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: "get", Version: "v1", Resource: "nodes", Subresource: "metrics", Name: n.config.NodeName,
			},
		},
	}, metav1.CreateOptions{})
	switch {
	case err != nil:
		klog.ErrorS(err, "asking what it may")
		return http.StatusInternalServerError
	case !access.Status.Allowed:
		return http.StatusForbidden
	}
	return http.StatusOK
}
