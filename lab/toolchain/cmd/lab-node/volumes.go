package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/fieldpath"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
	"k8s.io/utils/ptr"
)

const (
	defaultFileMode      = 0o644
	defaultTokenSeconds  = 3600
	volumeRefreshPeriod  = 30 * time.Second
	tokenRefreshFraction = 0.8
)

// volumes are a pod's, as directories below its own; refreshed while it runs, as a kubelet does.
type volumes struct {
	node   *Node
	pod    *corev1.Pod
	dir    string
	user   *int64 // of the tokens: that of all containers, if they have the same
	group  *int64 // of every file, if the pod names one
	tokens map[string]issuedToken
}

type issuedToken struct {
	value   string
	refresh time.Time
}

func (v *volumes) path(name string) string { return filepath.Join(v.dir, "volumes", name) }

// write makes or refreshes every volume. Each problem is an error that names the volume.
func (v *volumes) write(ctx context.Context) error {
	for _, volume := range v.pod.Spec.Volumes {
		if err := v.writeOne(ctx, volume); err != nil {
			return fmt.Errorf("volume %q: %w", volume.Name, err)
		}
	}
	return nil
}

func (v *volumes) writeOne(ctx context.Context, volume corev1.Volume) error {
	target := v.path(volume.Name)
	if volume.HostPath != nil {
		return v.hostPath(volume.Name, volume.HostPath)
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	var files map[string]volumeutil.FileProjection
	var err error
	switch {
	case volume.EmptyDir != nil:
		return os.Chmod(target, 0o777)
	case volume.ConfigMap != nil:
		source := volume.ConfigMap
		files, err = v.configMap(ctx, source.Name, source.Items, source.DefaultMode, source.Optional)
	case volume.Secret != nil:
		source := volume.Secret
		files, err = v.secret(ctx, source.SecretName, source.Items, source.DefaultMode, source.Optional)
	case volume.DownwardAPI != nil:
		files, err = v.downward(volume.DownwardAPI.Items, volume.DownwardAPI.DefaultMode)
	case volume.Projected != nil:
		files, err = v.projected(ctx, volume.Name, volume.Projected)
	default:
		return fmt.Errorf("this kind of volume is not played by the lab")
	}
	if err != nil {
		return err
	}
	writer, err := volumeutil.NewAtomicWriter(target, volume.Name)
	if err != nil {
		return err
	}
	return writer.Write(files, func(directory string) error { return v.giveToGroup(filepath.Join(target, directory)) })
}

// giveToGroup lets the pod's fsGroup read every file below directory, as a kubelet does.
func (v *volumes) giveToGroup(directory string) error {
	if v.group == nil {
		return nil
	}
	return filepath.WalkDir(directory, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		readable := fs.FileMode(0o440)
		if entry.IsDir() {
			readable = fs.ModeSetgid | 0o550
		}
		if err := os.Lchown(name, -1, int(*v.group)); err != nil {
			return err
		}
		return os.Chmod(name, info.Mode()|readable)
	})
}

// tokenFile is for one user or one group only where the pod names one, as a kubelet has it.
func (v *volumes) tokenFile(name, token string, mode *int32) map[string]volumeutil.FileProjection {
	if v.user != nil || v.group != nil {
		mode = ptr.To[int32](0o600)
	}
	files := v.file(name, []byte(token), mode)
	for key, file := range files {
		file.FsUser = v.user
		files[key] = file
	}
	return files
}

func (v *volumes) projected(ctx context.Context, name string, projected *corev1.ProjectedVolumeSource) (map[string]volumeutil.FileProjection, error) {
	all := map[string]volumeutil.FileProjection{}
	for i, source := range projected.Sources {
		var files map[string]volumeutil.FileProjection
		var err error
		switch {
		case source.ServiceAccountToken != nil:
			var token string
			token, err = v.token(ctx, fmt.Sprintf("%s/%d", name, i), source.ServiceAccountToken)
			files = v.tokenFile(source.ServiceAccountToken.Path, token, projected.DefaultMode)
		case source.ConfigMap != nil:
			files, err = v.configMap(ctx, source.ConfigMap.Name, source.ConfigMap.Items, projected.DefaultMode, source.ConfigMap.Optional)
		case source.Secret != nil:
			files, err = v.secret(ctx, source.Secret.Name, source.Secret.Items, projected.DefaultMode, source.Secret.Optional)
		case source.DownwardAPI != nil:
			files, err = v.downward(source.DownwardAPI.Items, projected.DefaultMode)
		default:
			err = fmt.Errorf("projected source %d is not played by the lab", i)
		}
		if err != nil {
			return nil, err
		}
		for file, projection := range files {
			all[file] = projection
		}
	}
	return all, nil
}

func (v *volumes) configMap(ctx context.Context, name string, items []corev1.KeyToPath, mode *int32, optional *bool) (map[string]volumeutil.FileProjection, error) {
	found, err := v.node.client.CoreV1().ConfigMaps(v.pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && ptr.Deref(optional, false) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for key, value := range found.Data {
		data[key] = []byte(value)
	}
	for key, value := range found.BinaryData {
		data[key] = value
	}
	return v.pick("ConfigMap "+name, data, items, mode, optional)
}

func (v *volumes) secret(ctx context.Context, name string, items []corev1.KeyToPath, mode *int32, optional *bool) (map[string]volumeutil.FileProjection, error) {
	found, err := v.node.client.CoreV1().Secrets(v.pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && ptr.Deref(optional, false) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return v.pick("Secret "+name, found.Data, items, mode, optional)
}

func (v *volumes) pick(what string, data map[string][]byte, items []corev1.KeyToPath, mode *int32, optional *bool) (map[string]volumeutil.FileProjection, error) {
	if len(items) == 0 {
		for key := range data {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	files := map[string]volumeutil.FileProjection{}
	for _, item := range items {
		content, ok := data[item.Key]
		if !ok && ptr.Deref(optional, false) {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("%s has no key %q", what, item.Key)
		}
		itemMode := mode
		if item.Mode != nil {
			itemMode = item.Mode
		}
		for file, projection := range v.file(item.Path, content, itemMode) {
			files[file] = projection
		}
	}
	return files, nil
}

func (v *volumes) downward(items []corev1.DownwardAPIVolumeFile, mode *int32) (map[string]volumeutil.FileProjection, error) {
	files := map[string]volumeutil.FileProjection{}
	for _, item := range items {
		var value string
		var err error
		if item.FieldRef != nil {
			value, err = fieldpath.ExtractFieldPathAsString(v.pod, item.FieldRef.FieldPath)
		} else {
			value, err = resource.ExtractResourceValueByContainerName(item.ResourceFieldRef, v.pod, item.ResourceFieldRef.ContainerName)
		}
		if err != nil {
			return nil, err
		}
		for file, projection := range v.file(item.Path, []byte(value), mode) {
			files[file] = projection
		}
	}
	return files, nil
}

func (v *volumes) file(name string, content []byte, mode *int32) map[string]volumeutil.FileProjection {
	return map[string]volumeutil.FileProjection{path.Clean(name): {
		Data: content, Mode: ptr.Deref(mode, int32(defaultFileMode)),
	}}
}

// token asks the API server for a token bound to this pod, and again before it runs out.
func (v *volumes) token(ctx context.Context, key string, source *corev1.ServiceAccountTokenProjection) (string, error) {
	if held, ok := v.tokens[key]; ok && time.Now().Before(held.refresh) {
		return held.value, nil
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: ptr.To(ptr.Deref(source.ExpirationSeconds, defaultTokenSeconds)),
		BoundObjectRef: &authenticationv1.BoundObjectReference{
			APIVersion: "v1", Kind: "Pod", Name: v.pod.Name, UID: types.UID(v.pod.UID),
		},
	}}
	if source.Audience != "" {
		request.Spec.Audiences = []string{source.Audience}
	}
	issued, err := v.node.client.CoreV1().ServiceAccounts(v.pod.Namespace).CreateToken(
		ctx, v.pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	life := time.Until(issued.Status.ExpirationTimestamp.Time)
	v.tokens[key] = issuedToken{
		value:   issued.Status.Token,
		refresh: time.Now().Add(time.Duration(float64(life) * tokenRefreshFraction)),
	}
	return issued.Status.Token, nil
}
