package kube

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// latest says whether an image is the newest of its name, whatever that is.
func latest(image string) bool {
	name := image[strings.LastIndex(image, "/")+1:]
	_, tag, tagged := strings.Cut(name, ":")
	return !strings.Contains(name, "@") && (!tagged || tag == "latest")
}

func defaultContainer(c *corev1.Container) {
	set(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	set(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	pull := corev1.PullIfNotPresent
	if latest(c.Image) {
		pull = corev1.PullAlways
	}
	set(&c.ImagePullPolicy, pull)
	for i := range c.Ports {
		set(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil {
			defaultField(from.FieldRef)
		}
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p == nil {
			continue
		}
		set(&p.TimeoutSeconds, 1)
		set(&p.PeriodSeconds, 10)
		set(&p.SuccessThreshold, 1)
		set(&p.FailureThreshold, 3)
		defaultGet(p.HTTPGet)
		if p.GRPC != nil {
			some(&p.GRPC.Service, "")
		}
	}
	if c.Lifecycle != nil {
		for _, h := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if h != nil {
				defaultGet(h.HTTPGet)
			}
		}
	}
}

func defaultGet(g *corev1.HTTPGetAction) {
	if g != nil {
		set(&g.Path, "/")
		set(&g.Scheme, corev1.URISchemeHTTP)
	}
}

func defaultField(f *corev1.ObjectFieldSelector) {
	if f != nil {
		set(&f.APIVersion, "v1")
	}
}

func defaultDownward(files []corev1.DownwardAPIVolumeFile) {
	for i := range files {
		defaultField(files[i].FieldRef)
	}
}

func defaultVolume(v *corev1.Volume) {
	const readable = int32(0o644)
	s := &v.VolumeSource
	switch {
	case *s == corev1.VolumeSource{}:
		s.EmptyDir = &corev1.EmptyDirVolumeSource{}
	case s.ConfigMap != nil:
		some(&s.ConfigMap.DefaultMode, readable)
	case s.Secret != nil:
		some(&s.Secret.DefaultMode, readable)
	case s.HostPath != nil:
		some(&s.HostPath.Type, corev1.HostPathUnset)
	case s.DownwardAPI != nil:
		some(&s.DownwardAPI.DefaultMode, readable)
		defaultDownward(s.DownwardAPI.Items)
	case s.Projected != nil:
		some(&s.Projected.DefaultMode, readable)
		for _, from := range s.Projected.Sources {
			if from.ServiceAccountToken != nil {
				some(&from.ServiceAccountToken.ExpirationSeconds, 3600)
			}
			if from.DownwardAPI != nil {
				defaultDownward(from.DownwardAPI.Items)
			}
		}
	case s.Ephemeral != nil && s.Ephemeral.VolumeClaimTemplate != nil:
		some(&s.Ephemeral.VolumeClaimTemplate.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
	}
}

// defaultAsks has containers be promised what they may take, where nothing else is said.
func defaultAsks(all []corev1.Container) {
	for i := range all {
		r := &all[i].Resources
		for name, most := range r.Limits {
			if _, ok := r.Requests[name]; !ok {
				if r.Requests == nil {
					r.Requests = corev1.ResourceList{}
				}
				r.Requests[name] = most.DeepCopy()
			}
		}
	}
}

func defaultService(obj runtime.Object) {
	s := obj.(*corev1.Service)
	set(&s.Spec.Type, corev1.ServiceTypeClusterIP)
	set(&s.Spec.SessionAffinity, corev1.ServiceAffinityNone)
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP && s.Spec.SessionAffinityConfig == nil {
		s.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: new(corev1.DefaultClientIPServiceAffinitySeconds)}}
	}
	outside := s.Spec.Type == corev1.ServiceTypeNodePort || s.Spec.Type == corev1.ServiceTypeLoadBalancer
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		set(&p.Protocol, corev1.ProtocolTCP)
		if p.TargetPort == intstr.FromInt32(0) || p.TargetPort == intstr.FromString("") {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
		if outside {
			set(&p.NodePort, 30000+int32(hash(fmt.Sprint(s.Namespace, "/", s.Name, p.Port, p.Protocol))%2768)) //nolint:gosec // below 32768
		}
	}
	if outside {
		set(&s.Spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
	}
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		some(&s.Spec.AllocateLoadBalancerNodePorts, true)
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	some(&s.Spec.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
	some(&s.Spec.IPFamilyPolicy, corev1.IPFamilyPolicySingleStack)
	h := hash(s.Namespace + "/" + s.Name)
	set(&s.Spec.ClusterIP, fmt.Sprintf("10.96.%d.%d", h%256, 1+h>>8%250))
	if s.Spec.ClusterIPs == nil {
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
	}
	if s.Spec.IPFamilies == nil {
		s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
	}
}

func defaultVolumeObject(obj runtime.Object) {
	v := obj.(*corev1.PersistentVolume)
	protect(v, keptVolume)
	set(&v.Status.Phase, corev1.VolumePending)
	set(&v.Spec.PersistentVolumeReclaimPolicy, corev1.PersistentVolumeReclaimRetain)
	some(&v.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
	if v.Spec.HostPath != nil {
		some(&v.Spec.HostPath.Type, corev1.HostPathUnset)
	}
}

func defaultClaim(obj runtime.Object) {
	c := obj.(*corev1.PersistentVolumeClaim)
	protect(c, keptClaim)
	defaultClaimTemplate(c)
}

func defaultClaimTemplate(c *corev1.PersistentVolumeClaim) {
	set(&c.Status.Phase, corev1.ClaimPending)
	some(&c.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
}

// What keeps a volume, and a claim, from going while they are used.
const keptVolume, keptClaim = "kubernetes.io/pv-protection", "kubernetes.io/pvc-protection"

// protect keeps an object that is new from going.
func protect(m metav1.Object, finalizer string) {
	if m.GetResourceVersion() == "" && !slices.Contains(m.GetFinalizers(), finalizer) {
		m.SetFinalizers(append(m.GetFinalizers(), finalizer))
	}
}

func defaultClass(obj runtime.Object) {
	c := obj.(*storagev1.StorageClass)
	some(&c.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete)
	some(&c.VolumeBindingMode, storagev1.VolumeBindingImmediate)
}

func defaultSlice(obj runtime.Object) {
	s := obj.(*discoveryv1.EndpointSlice)
	for i := range s.Ports {
		some(&s.Ports[i].Name, "")
		some(&s.Ports[i].Protocol, corev1.ProtocolTCP)
	}
}
