// The types of kaspr.io/v1alpha1, as far as the bench sends them.
//
// +kubebuilder:object:generate=true

package main

import (
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KasprApp is a cluster of members.
//
// +kubebuilder:object:root=true
type KasprApp struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec KasprAppSpec `json:"spec"`
}

// KasprAppSpec is what is wanted of an app.
type KasprAppSpec struct {
	Version          *string                         `json:"version,omitempty"`
	Replicas         *int32                          `json:"replicas,omitempty"`
	Image            *string                         `json:"image,omitempty"`
	BootstrapServers string                          `json:"bootstrapServers"`
	TLS              *TLS                            `json:"tls,omitempty"`
	Authentication   Authentication                  `json:"authentication"`
	Config           map[string]apiextensionsv1.JSON `json:"config,omitempty"`
	Resources        *corev1.ResourceRequirements    `json:"resources,omitempty"`
	LivenessProbe    *Probe                          `json:"livenessProbe,omitempty"`
	ReadinessProbe   *Probe                          `json:"readinessProbe,omitempty"`
	Storage          *Storage                        `json:"storage,omitempty"`
	PythonPackages   *PythonPackages                 `json:"pythonPackages,omitempty"`
	Template         *Template                       `json:"template,omitempty"`
}

// TLS turns on encryption.
type TLS struct{}

// Authentication is how members log in to Kafka.
type Authentication struct {
	Type           string          `json:"type"`
	Username       *string         `json:"username,omitempty"`
	PasswordSecret *PasswordSecret `json:"passwordSecret,omitempty"`
}

// PasswordSecret is a key of a Secret.
type PasswordSecret struct {
	SecretName  *string `json:"secretName,omitempty"`
	PasswordKey *string `json:"passwordKey,omitempty"`
}

// Probe is the timing of a probe.
type Probe struct {
	FailureThreshold    *int32 `json:"failureThreshold,omitempty"`
	InitialDelaySeconds *int32 `json:"initialDelaySeconds,omitempty"`
	PeriodSeconds       *int32 `json:"periodSeconds,omitempty"`
	SuccessThreshold    *int32 `json:"successThreshold,omitempty"`
	TimeoutSeconds      *int32 `json:"timeoutSeconds,omitempty"`
}

// Storage is where members keep tables.
type Storage struct {
	Type        string  `json:"type"`
	Class       *string `json:"class,omitempty"`
	DeleteClaim *bool   `json:"deleteClaim,omitempty"`
	Size        *string `json:"size,omitempty"`
}

// PythonPackages are installed before a member starts.
type PythonPackages struct {
	Packages       []string                     `json:"packages"`
	IndexURL       *string                      `json:"indexUrl,omitempty"`
	ExtraIndexURLs []string                     `json:"extraIndexUrls,omitempty"`
	TrustedHosts   []string                     `json:"trustedHosts,omitempty"`
	Credentials    *PackageCredentials          `json:"credentials,omitempty"`
	Cache          *PackageCache                `json:"cache,omitempty"`
	InstallPolicy  *InstallPolicy               `json:"installPolicy,omitempty"`
	Resources      *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// PackageCredentials are for the indexes.
type PackageCredentials struct {
	SecretRef PackageSecretRef `json:"secretRef"`
}

// PackageSecretRef is a Secret with a user name and a password.
type PackageSecretRef struct {
	Name        string  `json:"name"`
	UsernameKey *string `json:"usernameKey,omitempty"`
	PasswordKey *string `json:"passwordKey,omitempty"`
}

// PackageCache keeps installed packages.
type PackageCache struct {
	Type         *string `json:"type,omitempty"`
	Enabled      *bool   `json:"enabled,omitempty"`
	StorageClass *string `json:"storageClass,omitempty"`
	Size         *string `json:"size,omitempty"`
	AccessMode   *string `json:"accessMode,omitempty"`
	DeleteClaim  *bool   `json:"deleteClaim,omitempty"`
}

// InstallPolicy is how an install is tried.
type InstallPolicy struct {
	Retries   *int32  `json:"retries,omitempty"`
	Timeout   *int32  `json:"timeout,omitempty"`
	OnFailure *string `json:"onFailure,omitempty"`
}

// Template is for the objects that are made.
type Template struct {
	ServiceAccount              *ResourceTemplate  `json:"serviceAccount,omitempty"`
	Pod                         *PodTemplate       `json:"pod,omitempty"`
	Service                     *ResourceTemplate  `json:"service,omitempty"`
	KasprContainer              *ContainerTemplate `json:"kasprContainer,omitempty"`
	PythonPackagesInitContainer *ContainerTemplate `json:"pythonPackagesInitContainer,omitempty"`
}

// ResourceTemplate has metadata only.
type ResourceTemplate struct {
	Metadata *TemplateMetadata `json:"metadata,omitempty"`
}

// TemplateMetadata are labels and annotations to add.
type TemplateMetadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// PodTemplate is for the members' pods.
type PodTemplate struct {
	Metadata                      *TemplateMetadata                 `json:"metadata,omitempty"`
	ImagePullSecrets              []corev1.LocalObjectReference     `json:"imagePullSecrets,omitempty"`
	SecurityContext               *corev1.PodSecurityContext        `json:"securityContext,omitempty"`
	TerminationGracePeriodSeconds *int64                            `json:"terminationGracePeriodSeconds,omitempty"`
	NodeSelector                  map[string]string                 `json:"nodeSelector,omitempty"`
	Affinity                      *corev1.Affinity                  `json:"affinity,omitempty"`
	Tolerations                   []corev1.Toleration               `json:"tolerations,omitempty"`
	TopologySpreadConstraints     []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	PriorityClassName             *string                           `json:"priorityClassName,omitempty"`
	SchedulerName                 *string                           `json:"schedulerName,omitempty"`
	HostAliases                   []corev1.HostAlias                `json:"hostAliases,omitempty"`
	EnableServiceLinks            *bool                             `json:"enableServiceLinks,omitempty"`
	Volumes                       []corev1.Volume                   `json:"volumes,omitempty"`
}

// ContainerTemplate is for a container.
type ContainerTemplate struct {
	Env             []corev1.EnvVar         `json:"env,omitempty"`
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	VolumeMounts    []corev1.VolumeMount    `json:"volumeMounts,omitempty"`
}

// KasprAgent is a stream processor.
//
// +kubebuilder:object:root=true
type KasprAgent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec KasprAgentSpec `json:"spec"`
}

// KasprAgentSpec is what is wanted of an agent.
type KasprAgentSpec struct {
	Description        *string      `json:"description,omitempty"`
	IsolatedPartitions *bool        `json:"isolatedPartitions,omitempty"`
	Input              AgentInput   `json:"input"`
	Output             *AgentOutput `json:"output,omitempty"`
	Processors         *Processors  `json:"processors,omitempty"`
}

// AgentInput is what an agent reads.
type AgentInput struct {
	Declare *bool         `json:"declare,omitempty"`
	Topic   *Topic        `json:"topic,omitempty"`
	Channel *InputChannel `json:"channel,omitempty"`
	Take    *InputTake    `json:"take,omitempty"`
}

// InputChannel is a channel inside the app.
type InputChannel struct {
	Name string `json:"name"`
}

// InputTake collects values into lists.
type InputTake struct {
	Max    int32  `json:"max"`
	Within string `json:"within"`
}

// AgentOutput is where results go.
type AgentOutput struct {
	Topics []TopicOut `json:"topics,omitempty"`
}

// Topic is what input and output topics have in common.
type Topic struct {
	Name            *string           `json:"name,omitempty"`
	Pattern         *string           `json:"pattern,omitempty"`
	KeySerializer   *string           `json:"keySerializer,omitempty"`
	ValueSerializer *string           `json:"valueSerializer,omitempty"`
	Partitions      *int32            `json:"partitions,omitempty"`
	Retention       *int64            `json:"retention,omitempty"`
	Compacting      *bool             `json:"compacting,omitempty"`
	Deleting        *bool             `json:"deleting,omitempty"`
	Replicas        *int32            `json:"replicas,omitempty"`
	Config          map[string]string `json:"config,omitempty"`
}

// TopicOut is a topic that results are sent to.
type TopicOut struct {
	Topic `json:",inline"`

	NameSelector      *Code `json:"nameSelector,omitempty"`
	Declare           *bool `json:"declare,omitempty"`
	Ack               *bool `json:"ack,omitempty"`
	PassThrough       *bool `json:"passThrough,omitempty"`
	KeySelector       *Code `json:"keySelector,omitempty"`
	ValueSelector     *Code `json:"valueSelector,omitempty"`
	PartitionSelector *Code `json:"partitionSelector,omitempty"`
	HeadersSelector   *Code `json:"headersSelector,omitempty"`
	Predicate         *Code `json:"predicate,omitempty"`
}

// Processors are a pipeline of named operations.
type Processors struct {
	Pipeline   []string    `json:"pipeline,omitempty"`
	Init       *Code       `json:"init,omitempty"`
	Operations []Operation `json:"operations,omitempty"`
}

// Operation is one step of a pipeline.
type Operation struct {
	Name      *string    `json:"name,omitempty"`
	Tables    []TableRef `json:"tables,omitempty"`
	Map       *Code      `json:"map,omitempty"`
	Filter    *Code      `json:"filter,omitempty"`
	TopicSend *TopicOut  `json:"topicSend,omitempty"`
}

// TableRef is a table that an operation uses.
type TableRef struct {
	Name      string `json:"name"`
	ParamName string `json:"paramName"`
}

// Code is Python source.
type Code struct {
	Entrypoint *string `json:"entrypoint,omitempty"`
	Python     string  `json:"python"`
}
